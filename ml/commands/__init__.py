"""The subcommands of `python -m ml`: one file each, with `add_arguments` and `run`."""
