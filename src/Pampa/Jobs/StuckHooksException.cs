namespace Pampa.Jobs;

/// <summary>What goes on by telling hooks cannot, for their code does not end. What is done by then stays so.</summary>
internal sealed class StuckHooksException(string text) : InvalidOperationException(text);
