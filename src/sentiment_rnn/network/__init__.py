"""The model: its layers, batches, device, inference, and a trained one as a folder."""
