package snapshot

import (
	"encoding/json"
	"os"

	"qm/pkg/layout"
)

// maxKeys is the most keys of a record that can be saved one by one: ours has 18.
const maxKeys = 100

// readRecord returns nil where there is no record that can be read.
func (r *reader) readRecord(dir *os.Root) *layout.Record {
	data, err := r.sight.readFile(dir, layout.RecordFile, layout.MaxRecord)
	if err != nil {
		return nil
	}
	rec, err := layout.ParseRecord(data)
	if err != nil {
		rec = saved(data)
	}
	return rec
}

// saved returns what can be read of a record in which something can't: anyone may
// have written it. Nil: nothing can.
func saved(data []byte) *layout.Record {
	var all map[string]json.RawMessage
	if json.Unmarshal(data, &all) != nil || len(all) > maxKeys {
		return nil
	}
	for key := range all {
		one, err := json.Marshal(map[string]json.RawMessage{key: all[key]})
		if err == nil {
			_, err = layout.ParseRecord(one)
		}
		if err != nil {
			delete(all, key)
		}
	}
	sound, err := json.Marshal(all)
	if err != nil || len(all) == 0 {
		return nil
	}
	rec, err := layout.ParseRecord(sound)
	if err != nil {
		return nil
	}
	return rec
}
