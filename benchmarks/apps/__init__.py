"""What is served: ours, the peers, and the limits that no implementation can beat.

Each module here is imported by its server under its bare name, from this folder and without the repository on its path:
the peers' environment has a package of our name.
"""
