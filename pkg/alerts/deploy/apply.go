package deploy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// Result is what became of one item.
type Result struct {
	Item Item
	Err  error // nil: done
}

// Apply does what a plan says, in its order: the app, the macros that searches
// call, the searches, each with its ACL, and then what is removed. It goes on
// after a failure, since alerts do not need each other; done is called for each
// item that was tried. The error joins all failures.
func (c *Client) Apply(ctx context.Context, p Plan, done func(Result)) error {
	var errs []error
	for _, item := range p.Items {
		if !item.pending() {
			continue
		}
		if item.Action == Remove && item.Kind == KindMacro && len(errs) > 0 {
			continue // an alert that could not be renamed or removed still calls it; the next run does it
		}
		if ctx.Err() != nil {
			return errors.Join(append(errs, errors.New("interrupted; what is left is not done, apply it again"))...)
		}
		err := c.apply(ctx, item)
		if err != nil {
			err = fmt.Errorf("%s %s %q: %w", item.Action, item.Kind, item.Name, err)
			errs = append(errs, err)
		}
		done(Result{Item: item, Err: err})
		var e *Error
		// Without the app, a way to Splunk, or a valid sign-in, nothing else works either.
		if err != nil && (item.Kind == KindApp || errors.As(err, &e) && (e.never || e.late || e.Status == http.StatusUnauthorized)) {
			return errors.Join(append(errs, errors.New("the rest is not tried"))...)
		}
	}
	return errors.Join(errs...)
}

func (c *Client) apply(ctx context.Context, item Item) error {
	path := item.path
	switch {
	case item.Action == Remove:
		return c.remove(ctx, path)
	case item.Action == Rename && item.brought != nil:
		if _, err := c.post(ctx, path, item.form, always); err != nil {
			return err
		}
		return c.replace(ctx, item, path, *item.brought)
	case item.Action == Create, item.Action == Rename:
		a, err := c.post(ctx, path, item.form, untaken)
		if err != nil {
			return err
		}
		if item.Kind == KindApp || len(item.acl) == 0 {
			return nil
		}
		e := entry{Name: item.Name}
		if len(a.Entries) > 0 {
			e = a.Entries[0]
			e.Name = item.Name
		}
		path = c.member(item.collection(), e, "edit")
		if item.Action == Rename {
			return c.replace(ctx, item, path, e)
		}
	case len(item.form) > 0:
		if _, err := c.post(ctx, path, item.form, always); err != nil {
			return err
		}
	}
	return c.setAccess(ctx, path, item.acl)
}

// replace ends a renaming: the new alert gets the permissions of the old one, if
// they are not the same by themselves, and only then the old one goes.
func (c *Client) replace(ctx context.Context, item Item, path string, made entry) error {
	if accessOf(made).Encode() != item.acl.Encode() {
		if err := c.setAccess(ctx, path, item.acl); err != nil {
			return err
		}
	}
	if err := c.remove(ctx, item.old); err != nil {
		return fmt.Errorf("%q is there; remove %q: %w", item.Name, item.Was, err)
	}
	return nil
}

func (c *Client) setAccess(ctx context.Context, path string, form url.Values) error {
	if len(form) == 0 {
		return nil
	}
	if _, err := c.post(ctx, path+"/acl", form, always); err != nil {
		return fmt.Errorf("set its permissions: %w", err)
	}
	return nil
}

func (i Item) collection() string {
	if i.Kind == KindMacro {
		return "/configs/conf-macros"
	}
	return "/saved/searches"
}
