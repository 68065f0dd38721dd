"""Delivery of events to watchers: publish/subscribe in this worker, bounded queues, pacing. SPEC.md sections 6, 7."""
