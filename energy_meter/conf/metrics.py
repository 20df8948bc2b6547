# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Options of what a service tells about itself."""

from oslo_config import cfg

GROUP = 'metrics'

OPTS: list[cfg.Opt] = [
    cfg.HostAddressOpt(
        'host',
        default='127.0.0.1',
        help='Address on which the service shows its metrics, '
        'to everybody who can reach it.',
    ),
    cfg.PortOpt(
        'port',
        help='Port on which the service shows its metrics, at '
        '/metrics, in the text format of Prometheus. Each '
        'service needs one of its own. By default none is '
        'opened; 0 is any free one, which the log tells.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP, OPTS)]
