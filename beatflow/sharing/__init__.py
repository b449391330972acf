"""Moving tracks between people and machines: remotes, what goes to them and what comes from them."""
