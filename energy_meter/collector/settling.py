# SPDX-License-Identifier: Apache-2.0

"""Settles probes: computes what is billed of their registers.

A batch advances rows of registers without a look at others. If that can
change what is billed of another register, the row becomes dirty, and the same
transaction contests the probe. A settling then computes the bill of all its
registers.

Why nothing is lost, with any number of collectors at READ COMMITTED: a
settling locks the row of the probe, and then those of all its registers. A
transaction that changes a known register, or its marks, has locked that row
until it commits: the settling either sees all of it, or skips the probe. One
that adds a register, or makes one dirty, locks the row of the probe before it
commits, so it waits for the settling, and contests the probe after it; its
register is still dirty. One that changes a register that was dirty before
need not: the settling that cleans it must lock it first.

Why nothing deadlocks: writers lock registers by number, then marks, then
probes by ID. A settling skips what is locked, so it never waits for a lock
while it holds one.
"""
