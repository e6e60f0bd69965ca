"""What a person uses a trained model with: the command, the page, the export."""
