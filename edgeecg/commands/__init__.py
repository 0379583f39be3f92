"""The subcommands of `edgeecg`, one file each: options, examples, and what it does. `edgeecg/cli.py` lists them."""
