"""What the tests share: drawn particles, tiny networks, servers, stand-ins, browsers."""
