"""The same functions for other programs: named endpoints, and tools for MCP clients."""
