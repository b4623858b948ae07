package deploy

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strings"
)

// answer is what splunkd says: entries, messages, or both.
type answer struct {
	Entries    []entry   `json:"entry"`
	Messages   []message `json:"messages"`
	SessionKey string    `json:"sessionKey"`

	page bool // HTML, which splunkd itself never sends
}

// entry is one object.
type entry struct {
	Name    string            `json:"name"`
	Links   map[string]string `json:"links"`
	ACL     acl               `json:"acl"`
	Content map[string]any    `json:"content"`
}

type acl struct {
	App       string `json:"app"`
	Owner     string `json:"owner"`
	Sharing   string `json:"sharing"`
	Removable *bool  `json:"removable"` // false: part of an app's package
	Perms     *perms `json:"perms"`     // null: nobody has set any
}

// packaged reports whether an app's package brought it, so that only what was
// written over it can be taken away.
func (a acl) packaged() bool { return a.Removable != nil && !*a.Removable }

type perms struct {
	Read  []string `json:"read"`
	Write []string `json:"write"`
}

type message struct {
	Type string `json:"type" xml:"type,attr"`
	Text string `json:"text" xml:",chardata"`
}

// text joins the messages.
func (a answer) text() string {
	var all []string
	for _, m := range a.Messages {
		if t := strings.TrimSpace(m.Text); t != "" {
			all = append(all, t)
		}
	}
	return strings.Join(all, "; ")
}

// parseAnswer reads JSON, and the XML of errors that come about before
// splunkd looks at output_mode. ok is false if it is neither.
func parseAnswer(body []byte) (a answer, ok bool) {
	trimmed := bytes.TrimSpace(body)
	switch {
	case len(trimmed) == 0:
		return a, false
	case trimmed[0] == '{':
		return a, json.Unmarshal(trimmed, &a) == nil
	case trimmed[0] == '<':
		var response struct {
			XMLName  xml.Name  `xml:"response"`
			Messages []message `xml:"messages>msg"`
		}
		if xml.Unmarshal(trimmed, &response) == nil {
			return answer{Messages: response.Messages}, true
		}
		return answer{page: true}, false
	default:
		return a, false
	}
}

// value returns a member of the content as Splunk's conf files write it.
func (e entry) value(key string) string {
	switch v := e.Content[key].(type) {
	case string:
		return v
	case bool:
		if v {
			return "1"
		}
		return "0"
	case float64:
		data, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(data)
	default:
		return ""
	}
}
