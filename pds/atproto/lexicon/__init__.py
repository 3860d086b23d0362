"""Load Lexicon documents and check data against them."""
