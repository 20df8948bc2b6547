# SPDX-License-Identifier: Apache-2.0

"""Bounds of what a device may send.

A device, or an attacker who controls it, must not be able to fill the memory
of the agent, or to occupy its processor, at the expense of other wattmeters.
Each reader of device data has a bound here. What exceeds it is an error of
that wattmeter. All are far above what known devices send.
"""

#: Bytes of the status line and headers of an HTTP response, including the
#: interim responses (1xx) before it, and of its trailers.
MAX_HEADER_BYTES = 64 * 1024

#: Bytes of an HTTP response, or of a program's output. A metrics page of an
#: exporter shows each process, so it is larger than a page of a device.
MAX_DOCUMENT_BYTES = 1024 * 1024
MAX_METRICS_BYTES = 16 * 1024 * 1024

#: Redirects of one HTTP request.
MAX_REDIRECTS = 3

#: Levels of nesting, and values, in a JSON document. 1 MiB of objects such as
#: those of Kwollect has about 50,000 values; a JSONPath takes 2.5 us for each.
MAX_JSON_DEPTH = 64
MAX_JSON_VALUES = 100_000

#: Matches of a JSONPath in one document.
MAX_MATCHES = 10_000

#: Samples with the same name in a metrics page, each of which takes 25 us to
#: parse, and bytes of the line of each.
MAX_SAMPLES = 10_000
MAX_SAMPLE_BYTES = 16 * 1024

#: Bytes of all resources that one reading fetches over Redfish, and members
#: and pages of a collection. The largest rack PDUs have less than 100
#: outlets, and controllers a few hundred sensors of 2 KiB.
MAX_REDFISH_BYTES = 16 * 1024 * 1024
MAX_MEMBERS = 4096
MAX_PAGES = 128

#: Bytes of an MQTT packet. The largest payload of known devices, the energy
#: of each hour, has 4 KiB.
MAX_PACKET_BYTES = 64 * 1024

#: Readings of MQTT messages that arrived before the subscription was
#: acknowledged. More than that come only from a broker that is broken.
MAX_EARLY_READINGS = 10_000

#: Objects in the tables of an SNMP device, bytes of the text of each, and
#: seconds of one walk. Names of outlets have at most 255 bytes.
MAX_SNMP_OBJECTS = 20_000
MAX_SNMP_TEXT_BYTES = 1024
MAX_WALK_S = 300.0

#: Bytes that a Modbus device may send without being asked; those after it end
#: the connection. A response has at most 260.
MAX_MODBUS_BYTES = 4096

#: Bytes of an incomplete line or frame of a Watts Up?, and of a Multivoies.
MAX_WATTSUP_BYTES = 1024
MAX_MULTIVOIES_BYTES = 8192

#: Bytes of a response of an Eaton ePDU; 48 outlets have 400.
MAX_EATON_BYTES = 64 * 1024

#: Bytes of a response of upsd. A UPS has about a hundred variables.
MAX_NUT_BYTES = 1_000_000

#: Bytes of a program's standard error that are kept.
MAX_STDERR_BYTES = 4096

#: Rows of a database query.
MAX_ROWS = 10_000
