"""What the descriptor of a field says that takes more than one look."""

from google.api import field_behavior_pb2
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

_REQUIRED = field_behavior_pb2.FieldBehavior.Value("REQUIRED")


def is_repeated(one: FieldDescriptor) -> bool:
    """Tell whether a field holds many values; a map does not count."""
    return bool(one.is_repeated) and map_entry(one) is None


def map_entry(one: FieldDescriptor) -> Descriptor | None:
    """Return the message with the key and the value of a map; None when the field is none."""
    kind = one.message_type
    if kind is None or not kind.GetOptions().map_entry:
        return None
    # A message may say that it is one and not be made so.
    return kind if {"key", "value"} <= set(kind.fields_by_name) else None


def is_required(one: FieldDescriptor) -> bool:
    """Tell whether a message without the field is refused: by proto2, or as its service says.

    Source: google.api.field_behavior (AIP-203).
    """
    if one.is_required:
        return True
    encoded = one.GetOptions().SerializeToString()
    if not encoded:
        return False
    # Read anew: in a pool of its own, an option has no meaning yet.
    options = descriptor_pb2.FieldOptions.FromString(encoded)
    return _REQUIRED in options.Extensions[field_behavior_pb2.field_behavior]
