"""Beyond the published study: variants and baselines, each an entry of extensions/params.yaml."""
