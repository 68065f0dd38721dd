return cmsgpack.pack({ now })
