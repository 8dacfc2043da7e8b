"""Writes the TFRecord files of tf_records_test.cpp without TensorFlow: messages by protobuf, frames as its RecordWriter
has them. Record i of the first file has id [i], values [i, i + 0.5, i / 4], and name "sample i"."""
import pathlib
import struct
import sys

try:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
except ImportError:
    sys.exit(3)

folder = pathlib.Path(sys.argv[1])
Field = descriptor_pb2.FieldDescriptorProto


def example_class():
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="tensorflow", syntax="proto3")

    def message(name, *fields):
        made = file.message_type.add(name=name)
        for field_name, number, label, kind, type_name in fields:
            made.field.add(name=field_name, number=number, label=label, type=kind, type_name=type_name)
        return made

    one, many, of_message = Field.LABEL_OPTIONAL, Field.LABEL_REPEATED, Field.TYPE_MESSAGE
    message("BytesList", ("value", 1, many, Field.TYPE_BYTES, None))
    message("FloatList", ("value", 1, many, Field.TYPE_FLOAT, None))
    message("Int64List", ("value", 1, many, Field.TYPE_INT64, None))
    feature = message("Feature", ("bytes_list", 1, one, of_message, ".tensorflow.BytesList"),
                      ("float_list", 2, one, of_message, ".tensorflow.FloatList"),
                      ("int64_list", 3, one, of_message, ".tensorflow.Int64List"))
    feature.oneof_decl.add(name="kind")
    for field in feature.field:
        field.oneof_index = 0
    features = message("Features", ("feature", 1, many, of_message, ".tensorflow.Features.FeatureEntry"))
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=one, type=Field.TYPE_STRING)
    entry.field.add(name="value", number=2, label=one, type=of_message, type_name=".tensorflow.Feature")
    message("Example", ("features", 1, one, of_message, ".tensorflow.Features"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))


Example = example_class()


def crc_of_byte(crc):
    for _ in range(8):
        crc = (crc >> 1) ^ (0x82F63B78 & -(crc & 1))
    return crc


CRC_OF_BYTES = [crc_of_byte(byte) for byte in range(256)]


def masked_crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC_OF_BYTES[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def record(data):
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))


def example(i):
    made = Example()
    feature = made.features.feature
    feature["id"].int64_list.value.append(i)
    feature["values"].float_list.value.extend([i, i + 0.5, i / 4])
    feature["name"].bytes_list.value.append(f"sample {i}".encode())
    return made


def write(name, examples):
    (folder / name).write_bytes(b"".join(record(each.SerializeToString(deterministic=True)) for each in examples))


def picture(label, path):
    made = Example()
    feature = made.features.feature
    feature["image/encoded"].bytes_list.value.append(path.read_bytes())
    feature["image/class/label"].int64_list.value.append(label)
    return made


photos = pathlib.Path(__file__).parent.parent / "data/photos"
classes = sorted(each for each in photos.iterdir() if each.is_dir())
write("pictures.tfrecord",
      [picture(label, path) for label, folder_ in enumerate(classes) for path in sorted(folder_.iterdir())])
write("part-0.tfrecord", [example(i) for i in range(30)])
write("part-1.tfrecord", [example(i) for i in range(30, 50)])
several = example(0)
several.features.feature["words"].bytes_list.value.extend([b"two", b"words"])
several.features.feature["empty"].SetInParent()
write("several.tfrecord", [several])
(folder / "texts.tfrecord").write_bytes(record(b"\xff not an example"))
(folder / "packed.tfrecord").write_bytes(b"\x1f\x8b\x08" + bytes(20))
(folder / "nothing.tfrecord").write_bytes(b"")
