# SPDX-License-Identifier: Apache-2.0
"""Where keys come from (intent: files) and what only observes them (the probe): one file a kind."""
