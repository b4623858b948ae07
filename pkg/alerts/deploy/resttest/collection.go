package resttest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

type entryJSON struct {
	Name    string            `json:"name"`
	ID      string            `json:"id"`
	Links   map[string]string `json:"links,omitempty"`
	ACL     any               `json:"acl"`
	Content map[string]any    `json:"content"`
}

type entries []entryJSON

func answer(w http.ResponseWriter, status int, all entries) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	// The client may have gone.
	_ = json.NewEncoder(w).Encode(map[string]any{"entry": all, "messages": []any{}, "paging": map[string]int{"total": len(all), "perPage": 10_000_000, "offset": 0}})
}

// say answers a message.
func say(w http.ResponseWriter, status int, kind, text string) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"messages": []any{map[string]string{"type": kind, "text": text}}}) // the client may have gone
}

func unsupported(w http.ResponseWriter, key string) {
	say(w, http.StatusBadRequest, "ERROR", fmt.Sprintf("Argument %q is not supported by this handler.", key))
}

// collection serves saved/searches or configs/conf-macros. It needs mu.
func (s *Server) collection(w http.ResponseWriter, r *http.Request, owner, app, name string, rest []string) {
	switch {
	case s.apps[app] == nil:
		say(w, http.StatusNotFound, "ERROR", "Application does not exist: "+app)
	case len(rest) == 0 && r.Method == http.MethodGet:
		s.list(w, r, name, app)
	case len(rest) == 0 && r.Method == http.MethodPost:
		s.create(w, r, address{name, app, r.PostForm.Get("name")}, owner)
	case len(rest) == 0:
		say(w, http.StatusMethodNotAllowed, "ERROR", "Method Not Allowed")
	default:
		a := address{name, app, rest[0]}
		if s.objects[a] == nil { // a slash may be escaped twice
			a.name = strings.ReplaceAll(rest[0], "%2F", "/")
		}
		o := s.objects[a]
		if o == nil {
			say(w, http.StatusNotFound, "ERROR", "Could not find object id="+rest[0])
			return
		}
		s.member(w, r, a, o, rest[1:])
	}
}

func (s *Server) member(w http.ResponseWriter, r *http.Request, a address, o *object, rest []string) {
	switch {
	case r.Method == http.MethodGet && len(rest) == 0:
		answer(w, http.StatusOK, entries{s.entry(a, o, r)})
	case !s.mayWrite(w, a):
	case r.Method == http.MethodPost && slices.Equal(rest, []string{"acl"}):
		s.access(w, r, a, o)
	case r.Method == http.MethodPost && len(rest) == 0:
		if s.write(w, r.PostForm, a, o, false) {
			answer(w, http.StatusOK, entries{s.entry(a, o, r)})
		}
	case r.Method == http.MethodDelete && len(rest) == 0:
		if o.shipped {
			say(w, http.StatusBadRequest, "ERROR", "Object id="+a.name+" cannot be deleted in config="+confOf(a.collection)+".")
			return
		}
		delete(s.objects, a)
		s.list(w, r, a.collection, a.app)
	default:
		say(w, http.StatusNotFound, "ERROR", "Invalid custom action for this internal handler")
	}
}

func (s *Server) mayWrite(w http.ResponseWriter, a address) bool {
	if slices.Contains(s.opts.Lacks, "write") {
		say(w, http.StatusForbidden, "ERROR", fmt.Sprintf("User 'someone' with roles { user } cannot write: /nobody/%s/%s/%s { read : [ * ], write : [ admin ], removable : no}", a.app, confOf(a.collection), a.name))
		return false
	}
	return true
}

func (s *Server) create(w http.ResponseWriter, r *http.Request, a address, owner string) {
	required := []string{"name"}
	if a.collection == Searches {
		required = append(required, "search")
	}
	missing := slices.DeleteFunc(required, func(key string) bool { return strings.TrimSpace(r.PostForm.Get(key)) != "" })
	switch {
	case len(missing) > 0:
		say(w, http.StatusBadRequest, "ERROR", "The following required arguments are missing: "+strings.Join(missing, ", ")+".")
		return
	case !s.mayWrite(w, a):
		return
	case s.objects[a] != nil && a.collection == Searches:
		say(w, http.StatusConflict, "ERROR", fmt.Sprintf("Unable to create saved search with name '%s'. A saved search with that name already exists.", a.name))
		return
	case s.objects[a] != nil:
		say(w, http.StatusConflict, "ERROR", fmt.Sprintf("An object with name=%s already exists", a.name))
		return
	}
	o := s.at(a.collection, a.app, a.name)
	if owner != "nobody" {
		o.owner, o.sharing, o.read, o.write = owner, "user", nil, nil
	}
	if !s.write(w, r.PostForm, a, o, true) {
		delete(s.objects, a)
		return
	}
	answer(w, http.StatusCreated, entries{s.entry(a, o, r)})
}

// write takes all arguments, or none.
func (s *Server) write(w http.ResponseWriter, form url.Values, a address, o *object, fresh bool) bool {
	next := &object{packaged: o.packaged, local: maps.Clone(o.local)}
	for _, key := range slices.Sorted(maps.Keys(form)) {
		values := form[key]
		switch {
		case fresh && key == "name":
			continue
		case key == "name", !s.known[a.collection].takes(a.collection, key), s.lacks(a.collection, key):
			unsupported(w, key)
			return false
		case len(values) != 1:
			say(w, http.StatusBadRequest, "ERROR", fmt.Sprintf("Argument %q is given more than once.", key))
			return false
		}
		value := strings.TrimSpace(strings.ReplaceAll(values[0], "\r\n", "\n"))
		if text := wrong(a.collection, key, value); text != "" {
			say(w, http.StatusBadRequest, "ERROR", text)
			return false
		}
		next.set(a.collection, key, value)
	}
	if text := incomplete(a.collection, next); text != "" {
		say(w, http.StatusBadRequest, "ERROR", text)
		return false
	}
	o.local = next.local
	return true
}

// lacks says which arguments a handler does not even know of for a user
// without the capability.
func (s *Server) lacks(collection, key string) bool {
	if collection != Searches {
		return false
	}
	needs := map[string]string{
		"is_scheduled": "schedule_search", "cron_schedule": "schedule_search", "auto_summarize": "schedule_search",
		"schedule_window": "edit_search_schedule_window", "schedule_priority": "edit_search_schedule_priority",
	}[key]
	return needs != "" && slices.Contains(s.opts.Lacks, needs)
}

// set writes one value. What equals what lies below is not written: it would
// hide a later change there.
func (o *object) set(collection, key, value string) {
	put := func(key, value string) {
		below, ok := o.packaged[key]
		if !ok && collection == Searches {
			below, ok = defaults()[key]
		}
		if ok && below == value || !ok && value == "" {
			delete(o.local, key)
			return
		}
		o.local[key] = value
	}
	if key != "actions" || collection != Searches {
		put(confKey(collection, key), spelled(key, value))
		return
	}
	names := list(value)
	for _, name := range append(actionNames(o), names...) {
		put("action."+name, map[bool]string{true: "1", false: "0"}[slices.Contains(names, name)])
	}
}

func (s *Server) list(w http.ResponseWriter, r *http.Request, collection, app string) {
	all := entries{}
	for a, o := range s.objects {
		if a.collection == collection && (a.app == app || o.sharing == "global") {
			all = append(all, s.entry(a, o, r))
		}
	}
	slices.SortFunc(all, func(a, b entryJSON) int { return strings.Compare(a.Name, b.Name) })
	if filter := r.URL.Query().Get("search"); filter != "" {
		from, ok := strings.CutPrefix(filter, "eai:acl.app=")
		if !ok {
			say(w, http.StatusBadRequest, "ERROR", "The stand-in does not know the filter "+filter)
			return
		}
		all = slices.DeleteFunc(all, func(e entryJSON) bool { return e.Content["eai:appName"] != from })
	}
	if count := r.URL.Query().Get("count"); count != "0" && len(all) > 30 { // splunkd's default
		all = all[:30]
	}
	answer(w, http.StatusOK, all)
}

// entry is an object as splunkd tells it: every value with its default, and in
// its own spelling.
func (s *Server) entry(a address, o *object, r *http.Request) entryJSON {
	content := map[string]any{"eai:appName": a.app, "eai:userName": o.owner}
	put := func(key, value string) { content[key] = typed(a.collection, key, value) }
	if a.collection == Searches {
		for key, value := range defaults() {
			if !strings.HasPrefix(key, "action.") || r.URL.Query().Get("listDefaultActionArgs") == "true" {
				put(restKey(key), value)
			}
		}
	} else {
		content["disabled"] = false
	}
	for _, layer := range []map[string]string{o.packaged, o.local} {
		for key, value := range layer {
			if a.collection == Searches {
				key = restKey(key)
			}
			put(key, value)
		}
	}
	if a.collection == Searches {
		names := slices.DeleteFunc(actionNames(o), func(name string) bool { v, _ := o.value("action." + name); return v != "1" })
		content["actions"] = strings.Join(names, ", ")
		content["next_scheduled_time"] = ""
		content["qualifiedSearch"] = fmt.Sprint("search ", content["search"])
	}
	segment := url.PathEscape(a.name)
	if s.opts.SlashLink {
		segment = url.PathEscape(strings.ReplaceAll(a.name, "/", "%2F"))
	}
	self := "/servicesNS/" + o.owner + "/" + a.app + "/" + a.collection + "/" + segment
	links := map[string]string{"alternate": self, "list": self, "edit": self}
	if !o.shipped {
		links["remove"] = self
	}
	acl := map[string]any{"app": a.app, "owner": o.owner, "sharing": o.sharing, "removable": !o.shipped, "can_write": true, "modifiable": true, "perms": nil}
	if o.sharing != "user" {
		acl["perms"] = map[string]any{"read": o.read, "write": o.write}
	}
	return entryJSON{Name: a.name, ID: s.http.URL + self, Links: links, ACL: acl, Content: content}
}

func (s *Server) access(w http.ResponseWriter, r *http.Request, a address, o *object) {
	var missing []string
	for _, key := range []string{"owner", "sharing"} {
		if r.PostForm.Get(key) == "" {
			missing = append(missing, key)
		}
	}
	if len(missing) > 0 {
		say(w, http.StatusBadRequest, "ERROR", "The following required arguments are missing: "+strings.Join(missing, ", ")+".")
		return
	}
	for key := range r.PostForm {
		if !slices.Contains([]string{"owner", "sharing", "perms.read", "perms.write"}, key) {
			unsupported(w, key)
			return
		}
	}
	sharing, owner := r.PostForm.Get("sharing"), r.PostForm.Get("owner")
	switch {
	case !slices.Contains([]string{"user", "app", "global"}, sharing):
		say(w, http.StatusBadRequest, "ERROR", fmt.Sprintf("Invalid value for argument sharing: %s", sharing))
		return
	case sharing == "user" && owner == "nobody":
		say(w, http.StatusBadRequest, "ERROR", "An object cannot be private to nobody")
		return
	case sharing == "user" && (r.PostForm.Has("perms.read") || r.PostForm.Has("perms.write")):
		say(w, http.StatusBadRequest, "ERROR", "perms cannot be set for a private object")
		return
	}
	o.sharing, o.owner = sharing, owner
	o.read, o.write = list(r.PostForm.Get("perms.read")), list(r.PostForm.Get("perms.write"))
	answer(w, http.StatusOK, entries{s.entry(a, o, r)})
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
