namespace Pampa.Commands.Confining;

/// <summary>A means of the operating system by which processes are limited. What it cannot do here it does not offer.</summary>
internal interface IMeans
{
    /// <summary>
    /// Which of these limits it would enforce, and how well. It may make what it needs for that, and changes nothing for anybody.
    /// </summary>
    IReadOnlyList<WorkerLimitInfo> Offer(WorkerLimits limits);

    /// <summary>Adds to a life of a worker what the limits need that fall to this means.</summary>
    /// <exception cref="IOException">It is not there any more.</exception>
    /// <exception cref="UnauthorizedAccessException">It is not permitted any more.</exception>
    void Confine(ConfinedLife life, WorkerLimits limits);

    /// <summary>Takes away what is left of it, as far as nobody is in it: at the start what a killed process of this node has left, and at the end.</summary>
    void CleanUp();
}
