"""What the package costs beside its peers and beside what no implementation can beat, measured on this machine.

`python -m benchmarks` starts every contender as a process of its own, pinned to one core, puts load on it from another
core, and lets the contenders take turns, A B A B, so that a machine that gets slower or busier does so for all of them.
A figure is the median of its rounds. What is served is in `apps`, who asks is in `clients`, what is compared, and to
which budget, is in `scenarios`; each module says how it is fair.
"""
