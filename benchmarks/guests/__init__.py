# SPDX-License-Identifier: Apache-2.0

"""Energy of real guests, compared with what they computed.

What runs, and which module starts it:

==================================  ==========================================
Two libvirtd in session mode, and   ``machine.py``; one of them is the target
guests in QEMU without KVM          of migrations
Meter: HTTP server with the energy  ``trace.py``
Agent, collector and API, for each  ``cloud.py``, with a virtual host of one
of two power curves                 RabbitMQ, and a database of one PostgreSQL
API behind Keystone, on one of      ``telemetry.py``
these databases
Ceilometer: compute, central and    ``telemetry.py``; the compute agent reads
notification agent                  libvirt and creates Gnocchi's resources
Gnocchi: API and metricd            ``telemetry.py``, with its own PostgreSQL
CloudKitty: collector and hashmap   ``reading.py``, once for each project
``openstack energy`` as a tenant    ``tenants.py``
==================================  ==========================================

Not real are Nova, whose metadata the domains have, the power of the host, and
two clocks. The day of the run must be over before it is closed, published and
charged. When the agents have ended, the clock of the databases, of the
collectors and of Ceilometer's central agent is stepped to four o'clock of the
next day (:mod:`energy_meter.tests.faults.clock_shim`). An operator's command
closes the day, because collectors wait three days for agents that do not run.
The collectors attribute it, the API says that it is closed, and Ceilometer
polls it.

Needs root, a cgroup2 that can be written, the Debian packages ``gcc``,
``libvirt-daemon``, ``qemu-system-x86``, ``postgresql`` and
``rabbitmq-server``, and the environments of ``tools/run_tests.sh``. The
environment of the OpenStack services (``ENERGY_METER_STACK_VENV``) also needs
``libvirt-python``, for Ceilometer's compute agent. A run must not cross
midnight of UTC.
"""
