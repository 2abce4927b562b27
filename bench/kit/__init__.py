# SPDX-License-Identifier: MIT
"""What every bench shares: the machine's facts, hubs to be measured, tables and pictures."""
