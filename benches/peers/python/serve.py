"""The process of a peer in Python: it does what it is told on stdin.

The peer is a generator for each work. It gets ready, yields, does the work, yields again, and yields the sum
of what its objects have.
"""

import sys
import time


def serve(**works):
    """Each work is a function that takes numbers, such as 100 for `insert 100`, and returns the generator."""
    print("ready", flush=True)
    for line in sys.stdin:
        name_of_work, *numbers = line.split()
        work = works[name_of_work](*map(int, numbers))
        next(work)
        print("prepared", flush=True)
        if sys.stdin.readline().strip() != "run":
            sys.exit("`run` was expected")
        started = time.perf_counter_ns()
        next(work)
        elapsed = time.perf_counter_ns() - started
        print("done", elapsed, next(work), flush=True)
        work.close()


def sum_of(*lists):
    """Each key times the number of its object, from 1 on."""
    return sum(number * row.id for rows in lists for number, row in enumerate(rows, 1))


def name(user):
    return f"user {user}"


def email(address):
    return f"a{address}@example.org"


def changed(id):
    return f"changed {id}"


def line_sum(customer, order, line):
    return customer.id + 3 * order.id + 7 * line.id + 11 * line.quantity
