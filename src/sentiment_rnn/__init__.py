"""LSTM and GRU sentiment classifiers on movie reviews: the library behind the pipeline's stages."""
