"""Files in, tables out: sources, silver Delta tables in buckets, gold Delta tables."""
