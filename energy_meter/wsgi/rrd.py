# SPDX-License-Identifier: Apache-2.0

"""The graph pages for WSGI servers: ``energy_meter.wsgi.rrd:application``.

They read the RRD files that ``energy-meter-rrd`` writes on the same machine.
"""

from energy_meter import garbage
from energy_meter.rrd.pages import app
from energy_meter.wsgi import configuration

application = app.make(configuration.load('energy-meter-rrd'))
garbage.tune()
