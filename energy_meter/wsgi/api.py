# SPDX-License-Identifier: Apache-2.0

"""The API for WSGI servers: ``energy_meter.wsgi.api:application``."""

from energy_meter import garbage
from energy_meter.api import app
from energy_meter.wsgi import configuration

application = app.make(configuration.load('energy-meter-api'))
garbage.tune()
