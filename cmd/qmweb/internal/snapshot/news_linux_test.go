package snapshot

// muteNews makes the kernel tell nothing.
func muteNews(n *news) { n.opened, n.fd = true, -1 }

// overflow makes more happen than was told.
func overflow(n *news) {
	for st := range n.folders {
		n.folders[st].lost = true
	}
}
