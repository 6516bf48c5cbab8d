namespace Pampa.Ssh.Connecting;

/// <summary>Something could not be done on a node; the text says what and, where that is known, what to do about it.</summary>
internal sealed class NodeException(string message) : Exception(message);
