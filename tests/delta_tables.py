"""Delta tables of others, written by hand: features that delta-rs reads but does not write.

The log is JSON as in the protocol (https://github.com/delta-io/delta/blob/master/PROTOCOL.md);
deletion vectors are roaring bitmaps (portable format, array containers), inline or in a file.
"""

import json
import struct
import uuid
import zlib

import pyarrow as pa
import pyarrow.parquet as pq

_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_TYPES = {pa.int64(): "long", pa.string(): "string", pa.date32(): "date", pa.int32(): "integer"}


def z85(data):
    """Return bytes, padded to fours, in Z85."""
    data += b"\0" * (-len(data) % 4)
    out = ""
    for i in range(0, len(data), 4):
        value, digits = int.from_bytes(data[i : i + 4], "big"), ""
        for _ in range(5):
            value, digit = divmod(value, 85)
            digits = _Z85[digit] + digits
        out += digits
    return out


def bitmap(rows):
    """Return a set of rows below 65536 as Delta's serialised bitmap array."""
    rows = sorted(rows)
    inner = struct.pack("<II", 12346, 1) + struct.pack("<HH", 0, len(rows) - 1)
    inner += struct.pack("<I", 16) + b"".join(struct.pack("<H", row) for row in rows)
    return struct.pack("<I", 1681511377) + struct.pack("<Q", 1) + struct.pack("<I", 0) + inner


def inline(rows):
    data = bitmap(rows)
    return {"storageType": "i", "pathOrInlineDv": z85(data), "sizeInBytes": len(data),
            "cardinality": len(rows)}  # fmt: skip


def in_file(folder, rows):
    """Write a deletion vector file; return its descriptor."""
    number, data = uuid.uuid4(), bitmap(rows)
    content = b"\x01" + struct.pack(">I", len(data)) + data + struct.pack(">I", zlib.crc32(data))
    (folder / f"deletion_vector_{number}.bin").write_bytes(content)
    return {"storageType": "u", "pathOrInlineDv": z85(number.bytes), "offset": 1,
            "sizeInBytes": len(data), "cardinality": len(rows)}  # fmt: skip


class Table:
    """A table whose log is written by hand, a commit at a time."""

    def __init__(self, folder, columns, partition_by=(), mode="none", features=()):
        self.folder, self.mode, self.version = folder, mode, 0
        self.partition_by = list(partition_by)
        (folder / "_delta_log").mkdir(parents=True)
        names = [*features, *(["columnMapping"] if mode != "none" else [])]
        protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": names,
                    "writerFeatures": names}  # fmt: skip
        self.columns = columns  # name -> (type, physical name, id)
        self.commit([{"protocol": protocol}, self.metadata()])

    def metadata(self):
        fields = []
        for name, (kind, stored, number) in self.columns.items():
            more = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": stored}
            fields.append({"name": name, "type": _TYPES[kind], "nullable": True,
                           "metadata": more if self.mode != "none" else {}})  # fmt: skip
        settings = {"delta.columnMapping.mode": self.mode, "delta.columnMapping.maxColumnId": "99",
                    "delta.enableDeletionVectors": "true"}  # fmt: skip
        return {"metaData": {
            "id": "6b1c5b6c-0000-4000-8000-000000000000", "createdTime": 0,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": json.dumps({"type": "struct", "fields": fields}),
            "partitionColumns": self.partition_by, "configuration": settings,
        }}  # fmt: skip

    def commit(self, actions, at=None):
        info = {
            "commitInfo": {"timestamp": at or 1_700_000_000_000 + self.version, "operation": "X"}
        }
        lines = "\n".join(json.dumps(action) for action in [info, *actions])
        (self.folder / "_delta_log" / f"{self.version:020d}.json").write_text(lines)
        self.version += 1

    def file(self, name, rows, partition=None, vector=None, stats=None, by_id_only=False):
        """Write a data file with a table's columns by name; return its add action."""
        arrays, fields = [], []
        for column, values in rows.items():
            kind, stored, number = self.columns[column]
            label = f"other-{number}" if by_id_only else stored if self.mode != "none" else column
            fields.append(
                pa.field(label, kind, metadata={b"PARQUET:field_id": str(number).encode()})
            )
            arrays.append(pa.array(values, kind))
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), path)
        stored = {self.columns[n][1] if self.mode != "none" else n: v
                  for n, v in (partition or {}).items()}  # fmt: skip
        known = {"numRecords": len(arrays[0]) if arrays else 0, **(stats or {})}
        add = {"path": name, "partitionValues": stored, "size": path.stat().st_size,
               "modificationTime": 0, "dataChange": True, "stats": json.dumps(known)}  # fmt: skip
        return {"add": {**add, **({"deletionVector": vector} if vector else {})}}
