"""Faults between an asyncio transport and its protocol: for programs that never see a stream."""
