// orchid-orm with node-postgres: nested `createMany`, `select` with relations, and `updateMany`.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../installed/node/package.json", import.meta.url));
const { createBaseTable } = require("orchid-orm");
const { orchidORM } = require("orchid-orm/node-postgres");

const BaseTable = createBaseTable();

class UserTable extends BaseTable {
    table = "users";
    columns = this.setColumns((t) => ({ id: t.serial().primaryKey(), name: t.text() }));
    relations = {
        addresses: this.hasMany(() => AddressTable, { columns: ["id"], references: ["user_id"] }),
    };
}

class AddressTable extends BaseTable {
    table = "addresses";
    columns = this.setColumns((t) => ({
        id: t.serial().primaryKey(),
        email: t.text(),
        user_id: t.integer().foreignKey(() => UserTable, "id"),
    }));
}

class CustomerTable extends BaseTable {
    table = "customers";
    columns = this.setColumns((t) => ({ id: t.serial().primaryKey(), name: t.text() }));
    relations = {
        orders: this.hasMany(() => OrderTable, { columns: ["id"], references: ["customer_id"] }),
    };
}

class OrderTable extends BaseTable {
    table = "orders";
    columns = this.setColumns((t) => ({
        id: t.serial().primaryKey(),
        customer_id: t.integer().foreignKey(() => CustomerTable, "id"),
        total: t.bigint().parse(Number),
    }));
    relations = {
        lines: this.hasMany(() => LineTable, { columns: ["id"], references: ["order_id"] }),
    };
}

class LineTable extends BaseTable {
    table = "lines";
    columns = this.setColumns((t) => ({
        id: t.serial().primaryKey(),
        order_id: t.integer().foreignKey(() => OrderTable, "id"),
        quantity: t.bigint().parse(Number),
    }));
}

const db = orchidORM(
    { databaseURL: process.argv[3], max: 1 },
    { users: UserTable, addresses: AddressTable, customers: CustomerTable, orders: OrderTable, lines: LineTable },
);
await db.$query`SELECT 1`; // connects

const email = (address) => `a${address}@example.org`;
const sumOf = (...lists) =>
    lists.flatMap((rows) => rows.map((row, index) => row.id * (index + 1))).reduce((a, b) => a + b, 0);

// Each work gets ready, yields, does the work, yields again, and yields the sum of what its objects have.
const works = {
    async *insert(count) {
        yield;
        const rows = Array.from({ length: Number(count) }, (_, index) => ({
            name: `user ${index + 1}`,
            addresses: { create: [{ email: email(2 * index + 1) }, { email: email(2 * index + 2) }] },
        }));
        const users = await db.users
            .select("id", "name", { addresses: (q) => q.addresses.select("id", "email").order("id") })
            .createMany(rows);
        yield;
        yield sumOf(users, users.flatMap((user) => user.addresses));
    },
    async *graph() {
        yield;
        const customers = await db.customers
            .where({ id: { lte: 20 } })
            .order("id")
            .select("*", {
                orders: (q) => q.orders.order("id").select("*", { lines: (q) => q.lines.order("id").select("*") }),
            });
        yield;
        let sum = 0;
        for (const customer of customers)
            for (const order of customer.orders)
                for (const line of order.lines)
                    sum += customer.id + 3 * order.id + 7 * line.id + 11 * line.quantity;
        yield sum;
    },
    async *update() {
        const users = await db.users.where({ id: { lte: 100 } }).order("id");
        yield;
        for (const user of users) user.name = `changed ${user.id}`;
        await db.users.updateMany(users);
        yield;
        yield users.length;
    },
    async *delete() {
        const addresses = await db.addresses.where({ id: { lte: 100 } }).order("id");
        yield;
        await db.addresses.where({ id: { in: addresses.map((address) => address.id) } }).delete();
        yield;
        yield addresses.length;
    },
};

console.log("ready");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
for (;;) {
    const { value: line, done } = await lines.next();
    if (done) break;
    const [name, ...words] = line.trim().split(" ");
    const work = works[name](...words);
    await work.next();
    console.log("prepared");
    await lines.next();
    const started = process.hrtime.bigint();
    await work.next();
    const elapsed = process.hrtime.bigint() - started;
    console.log(`done ${elapsed} ${(await work.next()).value}`);
}
await db.$close();
