"""The networks: their layers, their training, and a trained one as a folder."""
