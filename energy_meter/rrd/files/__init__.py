# SPDX-License-Identifier: Apache-2.0

"""RRD files on disk: names, layout, index, librrd and rrdcached."""
