// Package catalogue holds the alerts that come with the program, one to a file.
package catalogue
