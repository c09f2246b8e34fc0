"""What the owner of this server chose: read once, validated whole, the same for every part of Hearth."""

from appliance.config.current import get_config, use_config
from appliance.config.errors import ConfigError, Problem
from appliance.config.loader import load_config
from appliance.config.schema import Config

__all__ = ["Config", "ConfigError", "Problem", "get_config", "load_config", "use_config"]
