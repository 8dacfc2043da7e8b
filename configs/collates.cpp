#include "millrace/configs/collates.h"

#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/collate_keys.h"

namespace millrace::configs {
namespace {

// An overload for each type of tables::NamedCollates.
struct CollateMaker {
  Collate operator()(const tables::DefaultCollate&) const { return collate::Default(); }
  Collate operator()(const tables::PadCollate& keys) const { return collate::Pad{keys.value}; }
  Collate operator()(const tables::RaggedCollate&) const { return collate::Ragged(); }
};

}  // namespace

Collate read_collate(const Node& collate) { return read_type(collate, tables::NamedCollates(), CollateMaker()); }

}  // namespace millrace::configs
