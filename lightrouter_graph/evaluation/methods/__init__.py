"""The methods compared: LightRouter, its rivals and its upper bounds, one file per way."""
