package deploy

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// access plans the ACL. Splunk wants owner and sharing each time, and takes
// roles that are not sent for none; what is equal is not written, since an ACL
// that was written once does not follow the app's any more.
func (c *Client) access(item *Item, e entry, there bool) url.Values {
	var read, write []string
	if e.ACL.Perms != nil {
		read, write = e.ACL.Perms.Read, e.ACL.Perms.Write
	}
	sharing := e.ACL.Sharing
	if !there {
		// What nobody owns is the app's from the start; what a user makes is his.
		sharing = SharingApp
		if c.cfg.Owner != nobody {
			sharing = SharingUser
		}
	}
	needed := false
	differ := func(key, now, wanted string, said bool) {
		if said && now != wanted {
			needed = true
			if there || key != "acl.sharing" || wanted != SharingApp {
				item.Changes = append(item.Changes, Edit{Key: key, Old: now, New: wanted})
			}
		}
	}
	// What a package brings may be shared more widely, as its metadata say.
	differ("acl.sharing", sharing, c.cfg.Sharing, !there || !e.ACL.packaged() || sharing != SharingGlobal)
	if c.cfg.Sharing != SharingUser {
		differ("acl.read", roles(read), roles(c.cfg.ACL.Read), len(c.cfg.ACL.Read) > 0)
		differ("acl.write", roles(write), roles(c.cfg.ACL.Write), len(c.cfg.ACL.Write) > 0)
	}
	if !needed {
		return nil
	}
	whose := c.cfg.Owner
	if there {
		whose = cmp.Or(e.ACL.Owner, whose)
	}
	form := url.Values{"sharing": {c.cfg.Sharing}, "owner": {whose}}
	if there && e.ACL.packaged() && sharing == SharingGlobal {
		form.Set("sharing", SharingGlobal)
	}
	if c.cfg.Sharing == SharingUser {
		return form
	}
	if len(c.cfg.ACL.Read) > 0 {
		read = c.cfg.ACL.Read
	}
	if len(c.cfg.ACL.Write) > 0 {
		write = c.cfg.ACL.Write
	}
	if len(read) > 0 {
		form.Set("perms.read", roles(read))
	}
	if len(write) > 0 {
		form.Set("perms.write", roles(write))
	}
	return form
}

func roles(names []string) string {
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	return strings.Join(slices.Compact(sorted), ",")
}
