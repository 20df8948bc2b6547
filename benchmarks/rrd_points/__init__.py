# SPDX-License-Identifier: Apache-2.0

"""Points written to RRD files: energy_meter, rrdtool, rrdcached, collectd."""

from energy_meter import no_eventlet  # noqa: F401
