# SPDX-License-Identifier: Apache-2.0

"""Devices whose topics are known.

Sources:

* Tasmota's documentation, "MQTT": ``tele/<topic>/SENSOR``, ``LWT``. A device
  with several channels reports lists, of ``Total`` only after ``SetOption129
  1``.
* Shelly's API documentation, https://shelly-api-docs.shelly.cloud. Generation
  1: ``shellies/<id>/relay/<n>/power``, ``energy`` in watt-minutes; "Shelly EM"
  and "Shelly 3EM": ``emeter/<n>/power``, ``total`` in Wh; ``online``.
* The same, ``gen2/ComponentsAndServices``, also valid for generations 3 and 4:
  "MQTT" (``<prefix>/status/<component>:<n>``, ``online``), Switch and PM1
  (``apower`` in W, ``aenergy.total`` in Wh), EM1 (``act_power``) and EM1Data
  (``total_act_energy`` in Wh), EM (``total_act_power``) and EMData
  (``total_act`` in Wh). The Data components publish once per minute.
"""

import typing

#: Default of each option that a preset may set.
DEFAULTS: dict[str, typing.Any] = {
    'watts_topic': None,
    'energy_topic': None,
    'online_topic': None,
    'offline': 'offline',
    'watts_path': '$',
    'watts_unit': 'W',
    'energy_path': '$',
    'energy_unit': 'kWh',
    'energy_step': 0.001,
}

_GEN1 = {'online_topic': 'shellies/{device}/online', 'offline': 'false'}

_GEN2 = {
    'online_topic': '{device}/online',
    'offline': 'false',
    'energy_unit': 'Wh',
}

#: Values of each preset for options that are not set.
PRESETS: dict[str, dict[str, object]] = {
    'none': {},
    'shelly-gen1': {
        **_GEN1,
        'watts_topic': 'shellies/{device}/relay/{channel}/power',
        'energy_topic': 'shellies/{device}/relay/{channel}/energy',
        'energy_unit': 'Wmin',
        'energy_step': 1.0,
    },
    'shelly-gen1-em': {
        **_GEN1,
        'watts_topic': 'shellies/{device}/emeter/{channel}/power',
        'energy_topic': 'shellies/{device}/emeter/{channel}/total',
        'energy_unit': 'Wh',
    },
    'shelly-gen2': {
        **_GEN2,
        'watts_topic': '{device}/status/switch:{channel}',
        'energy_topic': '{device}/status/switch:{channel}',
        'watts_path': 'apower',
        'energy_path': 'aenergy.total',
    },
    'shelly-gen2-pm1': {
        **_GEN2,
        'watts_topic': '{device}/status/pm1:{channel}',
        'energy_topic': '{device}/status/pm1:{channel}',
        'watts_path': 'apower',
        'energy_path': 'aenergy.total',
    },
    'shelly-gen2-em1': {
        **_GEN2,
        'watts_topic': '{device}/status/em1:{channel}',
        'energy_topic': '{device}/status/em1data:{channel}',
        'watts_path': 'act_power',
        'energy_path': 'total_act_energy',
    },
    'shelly-gen2-em': {
        **_GEN2,
        'watts_topic': '{device}/status/em:{channel}',
        'energy_topic': '{device}/status/emdata:{channel}',
        'watts_path': 'total_act_power',
        'energy_path': 'total_act',
    },
    'tasmota': {
        'watts_topic': 'tele/{device}/SENSOR',
        'energy_topic': 'tele/{device}/SENSOR',
        'online_topic': 'tele/{device}/LWT',
        'offline': 'Offline',
        'watts_path': 'ENERGY.Power',
        'energy_path': 'ENERGY.Total',
    },
}
