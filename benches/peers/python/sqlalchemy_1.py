"""SQLAlchemy 1.3 with psycopg2, with and without sqlalchemy_batch_inserts.

The module calls `select` as SQLAlchemy did until 1.4, and since 1.4, SQLAlchemy batches by itself.
"""

import sys

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Text, create_engine
from sqlalchemy.ext.declarative import declarative_base
from sqlalchemy.orm import relationship, selectinload, sessionmaker
from sqlalchemy_batch_inserts import enable_batch_inserting

from serve import changed, email, line_sum, name, serve, sum_of

Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    name = Column(Text, nullable=False)
    addresses = relationship("Address", back_populates="user")


class Address(Base):
    __tablename__ = "addresses"
    id = Column(Integer, primary_key=True)
    email = Column(Text, nullable=False)
    user_id = Column(Integer, ForeignKey("users.id"), nullable=False)
    user = relationship(User, back_populates="addresses")


class Customer(Base):
    __tablename__ = "customers"
    id = Column(Integer, primary_key=True)
    name = Column(Text, nullable=False)
    orders = relationship("Order")


class Order(Base):
    __tablename__ = "orders"
    id = Column(Integer, primary_key=True)
    customer_id = Column(Integer, ForeignKey("customers.id"), nullable=False)
    total = Column(BigInteger, nullable=False)
    lines = relationship("Line")


class Line(Base):
    __tablename__ = "lines"
    id = Column(Integer, primary_key=True)
    order_id = Column(Integer, ForeignKey("orders.id"), nullable=False)
    quantity = Column(BigInteger, nullable=False)


is_batching = sys.argv[1] == "batch-inserts"
url = sys.argv[2].replace("postgres://", "postgresql+psycopg2://")
# The module asks for this mode. Without it, psycopg2's `executemany` is a statement for each row.
mode = {"executemany_mode": "values"} if is_batching else {}
engine = create_engine(url, pool_size=1, max_overflow=0, **mode)
with engine.connect():
    pass  # what the first connection asks the server is no part of the work
# Otherwise, to look at an id after the commit is a query for each object.
make_session = sessionmaker(bind=engine, expire_on_commit=False)


def session():
    s = make_session()
    if is_batching:
        enable_batch_inserting(s)
    return s


def insert(count):
    yield
    s = session()
    users = [
        User(name=name(n), addresses=[Address(email=email(2 * n - 1)), Address(email=email(2 * n))])
        for n in range(1, count + 1)
    ]
    s.add_all(users)
    s.commit()
    yield
    yield sum_of(users, [address for user in users for address in user.addresses])
    s.close()


def graph():
    yield
    s = session()
    load_all = selectinload(Customer.orders).selectinload(Order.lines)
    customers = s.query(Customer).filter(Customer.id <= 20).order_by(Customer.id).options(load_all).all()
    s.close()
    yield
    yield sum(line_sum(c, o, line) for c in customers for o in c.orders for line in o.lines)


def update():
    s = session()
    users = s.query(User).filter(User.id <= 100).order_by(User.id).all()
    s.commit()
    yield
    for user in users:
        user.name = changed(user.id)
    s.commit()
    yield
    yield len(users)


def delete():
    s = session()
    addresses = s.query(Address).filter(Address.id <= 100).order_by(Address.id).all()
    s.commit()
    yield
    for address in addresses:
        s.delete(address)
    s.commit()
    yield
    yield len(addresses)


serve(insert=insert, graph=graph, update=update, delete=delete)
