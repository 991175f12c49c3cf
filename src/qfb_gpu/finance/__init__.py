"""Supply-chain finance: contracts, payment terms, orders, risks and contagion."""
