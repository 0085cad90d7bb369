package destination

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// VariablesOf gives what expressions see of a delivery. What is not known is absent: empty texts, lists and objects are left out, numbers
// and times are not. `brief` has, beside its fields, `text` and `html` where deps can write them.
func VariablesOf(job *Job, deps *Deps) (Variables, error) {
	vars := Variables{"event": job.Event}
	handoff := map[string]any{}
	if job.Handoff != "" {
		handoff["id"] = job.Handoff
	}
	switch {
	case job.Payload != nil:
		all, err := known(job.Payload)
		if err != nil {
			return nil, err
		}
		for _, name := range []string{"lead", "account", "owner", "score", "brief", "sla"} {
			if v, ok := all[name]; ok {
				vars[name] = v
				delete(all, name)
			}
		}
		for name, v := range all {
			handoff[name] = v
		}
		if id, ok := handoff["handoff_id"]; ok {
			handoff["id"] = id
			delete(handoff, "handoff_id")
		}
		brief, _ := vars["brief"].(map[string]any)
		if brief == nil {
			brief = map[string]any{}
		}
		if deps.Text != nil {
			brief["text"] = deps.Text(job.Payload)
		}
		if deps.HTML != nil {
			brief["html"] = deps.HTML(job.Payload)
		}
		if deps.Subject != nil {
			brief["subject"] = deps.Subject(job.Payload)
		}
		vars["brief"] = brief
	case job.Lead != nil:
		all, err := known(job.Lead)
		if err != nil {
			return nil, err
		}
		if v, ok := all["lead"]; ok {
			vars["lead"] = v
			delete(all, "lead")
		}
		vars["change"] = all
	}
	if len(handoff) > 0 {
		vars["handoff"] = handoff
	}
	return vars, nil
}

// known gives a message as JSON has it, without what is empty.
func known(m proto.Message) (map[string]any, error) {
	raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("read a delivery's data: %w", err)
	}
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("read a delivery's data: %w", err)
	}
	return all, nil
}
