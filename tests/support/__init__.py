"""What tests share: a real server on loopback, a clock to turn by hand, parts that may be absent."""
