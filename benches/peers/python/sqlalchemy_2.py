"""SQLAlchemy 2.1 with psycopg 3, as its documentation shows it."""

import sys

from sqlalchemy import BigInteger, ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

from serve import changed, email, line_sum, name, serve, sum_of


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    addresses: Mapped[list["Address"]] = relationship(back_populates="user")


class Address(Base):
    __tablename__ = "addresses"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    user: Mapped[User] = relationship(back_populates="addresses")


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    orders: Mapped[list["Order"]] = relationship()


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    total: Mapped[int] = mapped_column(BigInteger)
    lines: Mapped[list["Line"]] = relationship()


class Line(Base):
    __tablename__ = "lines"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    quantity: Mapped[int] = mapped_column(BigInteger)


url = sys.argv[2].replace("postgres://", "postgresql+psycopg://")
engine = create_engine(url, pool_size=1, max_overflow=0)
with engine.connect():
    pass  # what the first connection asks the server is no part of the work


def session():
    # Otherwise, to look at an id after the commit is a query for each object.
    return Session(engine, expire_on_commit=False)


def insert(count):
    yield
    with session() as s:
        users = [
            User(name=name(n), addresses=[Address(email=email(2 * n - 1)), Address(email=email(2 * n))])
            for n in range(1, count + 1)
        ]
        s.add_all(users)
        s.commit()
    yield
    yield sum_of(users, [address for user in users for address in user.addresses])


def graph():
    yield
    with session() as s:
        load_all = selectinload(Customer.orders).selectinload(Order.lines)
        query = select(Customer).where(Customer.id <= 20).order_by(Customer.id).options(load_all)
        customers = s.scalars(query).all()
    yield
    yield sum(line_sum(c, o, line) for c in customers for o in c.orders for line in o.lines)


def update():
    with session() as s:
        users = s.scalars(select(User).where(User.id <= 100).order_by(User.id)).all()
        s.commit()
        yield
        for user in users:
            user.name = changed(user.id)
        s.commit()
        yield
    yield len(users)


def delete():
    with session() as s:
        addresses = s.scalars(select(Address).where(Address.id <= 100).order_by(Address.id)).all()
        s.commit()
        yield
        for address in addresses:
            s.delete(address)
        s.commit()
        yield
    yield len(addresses)


serve(insert=insert, graph=graph, update=update, delete=delete)
