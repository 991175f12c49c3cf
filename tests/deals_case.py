"""A generated portfolio through the steps of some parts, without ingest and in one bucket."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ledger_cases import on

from qfb_gpu import network
from qfb_gpu.api import ledger_of
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar, to_day
from qfb_gpu.config import build_config
from qfb_gpu.currencies import currency_code, minor_per_major
from qfb_gpu.lake import gold
from qfb_gpu.lake.delta import PartFile, commit
from qfb_gpu.lake.source_rows import read_rows
from qfb_gpu.lake.work import Workspace
from qfb_gpu.parts.part import FEATURES, PROFILE, WHOLE, Given, Saved
from qfb_gpu.portfolio import generate_portfolio
from qfb_gpu.schema import GOLD, SOURCES

AS_OF = dt.date(2024, 12, 31)
CPU = get_backend("cpu")
DEALS = ("contracts", "contract_payments", "orders")
TRUTH = ("truth/contracts", "truth/contract_nodes")


def portfolio(n_customers, seed, hardness=1.0):
    tables = ("transactions", "customers", *DEALS, *TRUTH)
    return generate_portfolio(
        n_customers, seed, AS_OF, hardness=hardness, calendar=load_calendar("CN"), tables=tables
    )


def silver(source, table):
    """Return a source table in the types of silver."""
    names = SOURCES[source].names
    columns = {}
    for name in names:
        if name not in table.column_names:
            kind = {"string": pa.string(), "date": pa.date32()}.get(
                SOURCES[source].column(name).kind
            )
            columns[name] = pa.nulls(table.num_rows, kind)
        elif name == "amount":
            codes = [minor_per_major(currency_code(c)) for c in table["currency"].to_pylist()]
            minor = pc.multiply(table["amount"].cast(pa.float64()), pa.array(codes, pa.float64()))
            columns["amount_minor"] = pc.round(minor).cast(pa.int64())
        else:
            values = table[name]
            is_text = pa.types.is_dictionary(values.type) or pa.types.is_large_string(values.type)
            columns[name] = values.cast(pa.string()) if is_text else values
    return pa.table(columns)


class Night:
    """Parts run over one bucket; ``table`` gives their gold tables as frames."""

    def __init__(self, folder, tables, parts, as_of=AS_OF, settings=None, backend=None):
        self.backend = backend or CPU
        self.folder, self.parts, self.as_of = folder, parts, as_of
        sources = {name: {"path": "x"} for name in ("transactions", "customers", *DEALS)
                   if name in tables}  # fmt: skip
        raw = {"as_of": as_of, "sources": sources, "finance": settings or {}}
        self.config = build_config(raw, base=folder, where="test")
        self.workspace = Workspace(folder / "work")
        self.ledger = ledger_of(tables["transactions"], as_of=as_of, calendar="CN", device="cpu")
        for name in sources:
            if name != "transactions":
                self._write(name, silver(name, tables[name]))
        self._prepare()
        if backend is not None:
            self.ledger = on(self.ledger, backend)
        self.tables, self.arrow, self.profile = {}, {}, {}
        self._run()

    def _write(self, source, table):
        folder = self.folder / "lake" / source
        (folder / "bucket=0").mkdir(parents=True)
        name = "bucket=0/part-000001.parquet"
        pq.write_table(table, folder / name)
        schema = table.schema.append(pa.field("bucket", pa.int32()))
        commit(folder, [PartFile(name, table.num_rows, {"bucket": "0"}, {})], schema,
               partition_by=["bucket"], application="test", version=1)  # fmt: skip

    def _prepare(self):
        ledger, save = self.ledger, self.workspace.save
        first = ledger.text_row[ledger.relation_offsets[ledger.customer_offsets[:-1]]]
        ids = ledger.texts.column("customer_id").cast(pa.string()).combine_chunks()
        customers = {"customer_key": ledger.customer_key, "customer_id": ids.take(pa.array(first))}
        save("score", 0, "customers", customers, CPU)
        names = ledger.texts.column("counterparty_id").cast(pa.string()).combine_chunks()
        of_relation = pa.array(ledger.text_row[ledger.relation_offsets[:-1]])
        save("score", 0, "relations", {"counterparty_id": names.take(of_relation)}, CPU)
        edges = network.relation_edges(ledger, CPU, to_day(self.as_of))
        save("score", 0, "edges", edges, CPU)

    def given(self, part):
        lake, day = self.folder / "lake", to_day(self.as_of)
        return Given(
            bucket=0, as_of_day=day, config=self.config, calendar=load_calendar("CN"),
            ledger=self.ledger, streams=None,
            sources={s: read_rows(lake, 0, s, day, self.ledger.customer_key, self.backend)
                     for s in (*part.needs, *part.may_use) if s != "transactions"},
            payment_texts=self._texts, backend=self.backend,
        )  # fmt: skip

    def _texts(self, names):
        there = self.ledger.texts.column_names
        return self.ledger.texts.select([name for name in names if name in there])

    def _run(self):
        for part in self.parts:
            for name, columns in part.score(self.given(part)).items():
                if name != FEATURES:
                    self.workspace.save("score", 0, f"{part.name}.{name}", columns, self.backend)
        for part in self.parts:
            saved = Saved(part.name, self.workspace, (0,), to_day(self.as_of), self.config, "cpu",
                          self.folder / "lake")  # fmt: skip
            for name, columns in part.fit(saved).items():
                self.workspace.save("fit", WHOLE, f"{part.name}.{name}", columns, CPU)
            made = part.publish(saved, 0)
            self.profile |= made.pop(PROFILE, {})
            for name, columns in {**made, **part.whole(saved)}.items():
                arrow = gold.to_arrow(columns, GOLD[name], CPU)
                self.arrow[name] = arrow
                self.tables[name] = arrow.to_pandas()

    def table(self, name):
        return self.tables[name]


def reader(tables):
    """Return what a section of the report reads gold tables with."""

    def read(name, columns):
        return tables[name].select(columns)

    return read


def relabelled(tables, seed):
    """Return the tables with other customer, party, contract and payment ids, rows shuffled."""
    rng = np.random.default_rng(seed)
    renamed = {}
    for name, table in tables.items():
        if name.startswith("truth/"):
            continue
        columns = {}
        for column in table.column_names:
            values = table[column]
            if column.endswith("_id") and column not in ("contract_id", "order_id"):
                values = pc.binary_join_element_wise(
                    "q", pc.utf8_reverse(values.cast(pa.string())), ""
                )
            columns[column] = values
        renamed[name] = pa.table(columns).take(pa.array(rng.permutation(table.num_rows)))
    return renamed


def namespace(**values):
    return SimpleNamespace(**values)
