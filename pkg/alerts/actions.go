package alerts

import (
	"net/mail"
	"net/url"
	"os"
	"strings"

	"gopkg.in/yaml.v3"

	"auditlog-forwarder/pkg/creds"
)

// maxSecret bounds a file with the address of a webhook.
const maxSecret = 8 << 10

// actions reads actions over those that are there already; null takes one away.
func (r *reader) actions(n *yaml.Node, a Actions) Actions {
	all := r.members(n, "actions", "email", "webhook", "slack", "teams")
	set := func(name string, to func(m member), none func()) {
		m, ok := all[name]
		switch {
		case !ok:
		case m.value.ShortTag() == "!!null":
			none()
		default:
			to(m)
		}
	}
	set("email", func(m member) { a.Email = r.email(m) }, func() { a.Email = nil })
	set("webhook", func(m member) { a.Webhook = &Webhook{URL: r.address(m)} }, func() { a.Webhook = nil })
	set("teams", func(m member) { a.Teams = &Teams{URL: r.address(m)} }, func() { a.Teams = nil })
	set("slack", func(m member) {
		a.Slack = &Slack{}
		c, ok := r.members(m.value, "slack", "channel")["channel"]
		if !ok {
			r.mistake(m.value, "slack has no channel, such as \"#security\"")
			return
		}
		if a.Slack.Channel = r.line(c); !strings.HasPrefix(a.Slack.Channel, "#") && !strings.HasPrefix(a.Slack.Channel, "@") {
			r.mistake(c.value, "channel begins with # for a channel, or @ for a person; write it in quotes")
		}
	}, func() { a.Slack = nil })
	return a
}

func (r *reader) email(m member) *Email {
	all := r.members(m.value, "email", "to", "cc")
	e := &Email{}
	for name, list := range map[string]*[]string{"to": &e.To, "cc": &e.CC} {
		part, ok := all[name]
		if !ok {
			continue
		}
		*list = r.texts(part)
		for _, address := range *list {
			if at, err := mail.ParseAddress(address); err != nil || at.Address != address || strings.ContainsAny(address, ", ;") {
				r.mistake(part.value, "%s: %q is no e-mail address", name, address)
			}
		}
	}
	if len(e.To) == 0 && m.value.Kind == yaml.MappingNode {
		r.mistake(m.value, "email has no to; name who gets the messages")
	}
	return e
}

// address reads the URL of a webhook from a file, since whoever has it can
// write to the channel. No message holds it.
func (r *reader) address(m member) creds.Secret {
	name, before := m.name.Value, len(r.mistakes)
	part, ok := r.members(m.value, name, "url_file")["url_file"]
	if !ok && len(r.mistakes) > before {
		return creds.Secret{} // it is told
	}
	if !ok {
		r.mistake(m.value, "%s has no url_file; write its address into a file that others cannot read, and name that", name)
		return creds.Secret{}
	}
	file := r.line(part)
	if len(r.mistakes) > before {
		return creds.Secret{}
	}
	if strings.Contains(file, "://") { // it is the secret itself, and is not to be told
		r.mistake(part.value, "url_file is an address; write it into a file that others cannot read, and name that file here")
		return creds.Secret{}
	}
	info, err := os.Stat(file)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxSecret) {
		r.mistake(part.value, "%s is no file with one address", file)
		return creds.Secret{}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		r.mistake(part.value, "read the address of %s: %v", name, err)
		return creds.Secret{}
	}
	text := strings.TrimSpace(string(data))
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || strings.ContainsAny(text, " \t\r\n\\") {
		r.mistake(part.value, "%s does not hold one address that begins with https:// or http://", file)
	}
	return creds.NewSecret(text)
}
