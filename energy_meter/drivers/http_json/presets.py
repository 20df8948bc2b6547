# SPDX-License-Identifier: Apache-2.0

"""Devices whose page is known.

Sources:

* Shelly's API documentation, https://shelly-api-docs.shelly.cloud. Generation
  1, "Common HTTP API", ``/status``: ``meters`` with ``total`` in watt-minutes;
  "Shelly EM" and "Shelly 3EM": ``emeters`` with ``total`` in Wh.
* The same, ``gen2/ComponentsAndServices``, also valid for generations 3 and 4:
  Switch and PM1 (``apower`` in W, ``aenergy.total`` in Wh), EM1
  (``act_power``) and EM1Data (``total_act_energy`` in Wh), EM
  (``total_act_power``, ``a_act_power``) and EMData (``total_act`` and
  ``a_total_act_energy`` in Wh). ``Shelly.GetStatus`` returns all components.
* Tasmota's documentation, "Commands": ``Status 10``. A device with several
  channels reports lists, of ``Total`` only after ``SetOption129 1``.
* Grid'5000's wiki, "Monitoring Using Kwollect": records with ``timestamp``,
  ``device_id``, ``metric_id``, ``value`` and ``labels``.
"""

import typing

_GEN2 = {'page': '/rpc/Shelly.GetStatus', 'energy_unit': 'Wh'}

#: Values of each preset for options that are not set; ``page`` is appended to
#: a URL without a path, and ``channels`` are the default channels.
PRESETS: dict[str, dict[str, typing.Any]] = {
    'none': {},
    'shelly-gen1': {
        'page': '/status',
        'watts_path': 'meters[{channel}].power',
        'energy_path': 'meters[{channel}].total',
        'valid_path': 'meters[{channel}].is_valid',
        'energy_unit': 'Wmin',
        'energy_step': 1.0,
    },
    'shelly-gen1-em': {
        'page': '/status',
        'watts_path': 'emeters[{channel}].power',
        'energy_path': 'emeters[{channel}].total',
        'valid_path': 'emeters[{channel}].is_valid',
        'energy_unit': 'Wh',
    },
    'shelly-gen2': {
        **_GEN2,
        'watts_path': '"switch:{channel}".apower',
        'energy_path': '"switch:{channel}".aenergy.total',
    },
    'shelly-gen2-pm1': {
        **_GEN2,
        'watts_path': '"pm1:{channel}".apower',
        'energy_path': '"pm1:{channel}".aenergy.total',
    },
    'shelly-gen2-em1': {
        **_GEN2,
        'watts_path': '"em1:{channel}".act_power',
        'energy_path': '"em1data:{channel}".total_act_energy',
    },
    'shelly-gen2-em': {
        **_GEN2,
        'watts_path': '"em:{channel}".total_act_power',
        'energy_path': '"emdata:{channel}".total_act',
    },
    'shelly-gen2-em-phases': {
        **_GEN2,
        'channels': ['a', 'b', 'c'],
        'watts_path': '"em:0".{channel}_act_power',
        'energy_path': '"emdata:0".{channel}_total_act_energy',
    },
    'tasmota': {
        'page': '/cm?cmnd=Status%2010',
        'watts_path': 'StatusSNS.ENERGY.Power',
        'energy_path': 'StatusSNS.ENERGY.Total',
    },
    'kwollect': {
        'records_path': '$[?(@.metric_id == "wattmetre_power_watt" '
        '& @.device_id == "{channel}")]',
        'watts_path': 'value',
        'time_path': 'timestamp',
    },
}
