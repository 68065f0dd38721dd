return { text(now) }
